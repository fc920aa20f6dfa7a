/** EU mode of a gateway: lawful basis, retention. */
export const privacyGroup = {} as const
