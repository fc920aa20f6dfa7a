/** How `hanse update` gets a new release. */
export const updateGroup = {} as const
