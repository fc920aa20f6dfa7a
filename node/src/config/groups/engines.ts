/** Engines over HTTP, and how they are found. */
export const enginesGroup = {} as const
