/** Where models are kept and pulled from. */
export const modelsGroup = {} as const
