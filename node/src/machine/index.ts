export {
  GpuMonitor,
  type GpuMonitorOptions,
  type GpuSample,
  type Timers,
} from './gpu-monitor.ts'
export { gpusOnOffer } from './gpus-on-offer.ts'
export {
  examineMachine,
  type Inspection,
  inspectMachine,
  readGpus,
  thisMachine,
} from './inspect.ts'
export { type ProcessFacts, readLineage } from './lineage.ts'
export type { Gpu, GpuReading, Machine } from './machine.ts'
export type { Finding, MachineAccess } from './sighting.ts'
