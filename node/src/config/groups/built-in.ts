/** The built-in engine, which runs GGUF files in a process of its own. */
export const builtInGroup = {} as const
