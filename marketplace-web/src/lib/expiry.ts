import { ApiError } from './api.ts'

let listener = (): void => {}

/** Says what happens when the service no longer knows who is signed in. */
export function onExpired(then: () => void): void {
  listener = then
}

export const tellExpired = (): void => listener()

/** Whether the session is over: 12 hours without use, 30 days, or ended elsewhere. */
export const isExpired = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'HANSE_UNAUTHENTICATED'
