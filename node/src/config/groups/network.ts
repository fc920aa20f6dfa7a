/** Reaching and being reached: relays, NAT, private networks, who may connect. */
export const networkGroup = {} as const
