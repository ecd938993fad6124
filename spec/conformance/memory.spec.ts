import { examined } from './subjects.js'
import { suite } from './suite.js'

suite(examined.memory)
