/** Answers that are asked for again elsewhere. */
export const spotCheckGroup = {} as const
