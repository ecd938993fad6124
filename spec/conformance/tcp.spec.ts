import { tcpSubject } from './subjects.js'
import { suite } from './suite.js'

suite(tcpSubject)
