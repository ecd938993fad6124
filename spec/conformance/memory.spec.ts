import { memorySubject } from './subjects.js'
import { suite } from './suite.js'

suite(memorySubject)
