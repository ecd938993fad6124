import { tcpSubject } from './subjects.js'
import { suite } from './suite.js'

suite(tcpSubject, { C18: 'retries that wait inside the transport are missing from the stop report' })
