/** Whom a provider serves, when, and how many at once. */
export const scheduleGroup = {} as const
