import { memory, memoryBus } from 'taskwire/memory'
import { contract } from './contract.js'

contract('memory', () => {
  const bus = memoryBus()
  return () => memory({ bus })
})
