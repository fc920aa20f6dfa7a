import { fileURLToPath } from 'node:url'

export {
  type EngineStub,
  type EngineStubOptions,
  type StubChat,
  startEngineStub,
} from './engine-stub.ts'
export { type MachineFacts, machineFacts } from './machine.ts'
export { clearlyAbove, type Sample, type Slope, slopeOf } from './slope.ts'

/** The stub as a program: `engine-process.ts [model] [--tokens-per-chunk N] [--tokens-per-second N]`. */
export const ENGINE_PROCESS = fileURLToPath(new URL('./engine-process.ts', import.meta.url))
/** For `node --expose-gc --import`: a daemon tells of its memory, warnings and crashes between its own lines. */
export const PROCESS_PROBE = fileURLToPath(new URL('./process-probe.ts', import.meta.url))
