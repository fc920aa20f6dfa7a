export { type LimitSettings, limitsOf } from './limits.ts'
export {
  Lease,
  type Load,
  QUEUE_WAIT_MS,
  Scheduler,
  type SchedulerOptions,
  type SlotAsk,
} from './scheduler.ts'
export type { ModelLimits, Priority } from './slot-board.ts'
