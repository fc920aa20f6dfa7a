/** What a provider asks, and when it asks more or less. */
export const pricingGroup = {} as const
