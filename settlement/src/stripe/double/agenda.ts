import type { Due, State } from './state.ts'

/** What is due at a time, the earliest first; what was put down first goes first at one time. */
export function dueAt(state: State, nowMs: number): Due[] {
  return [...state.agenda.values()]
    .filter(({ atMs }) => atMs <= nowMs)
    .sort((a, b) => a.atMs - b.atMs)
}

/** When the next thing is due. */
export function nextDueMs(state: State): number | undefined {
  let next: number | undefined
  for (const { atMs } of state.agenda.values()) {
    if (next === undefined || atMs < next) next = atMs
  }
  return next
}
