/** How answers are served: failover, hedging, cache, keep-alive. */
export const answersGroup = {} as const
