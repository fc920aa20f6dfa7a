/** What a relay carries for others. */
export const relayGroup = {} as const
