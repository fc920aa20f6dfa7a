/** How offers are chosen, and when another provider is asked too. */
export const routingGroup = {} as const
