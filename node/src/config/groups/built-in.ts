import * as kinds from '../kinds.ts'

/** The built-in engine, which runs GGUF files, each in a process of its own. */
export const builtInGroup = {
  modelFiles: kinds.list({
    description:
      'GGUF files that the built-in engine runs, each `file` or `name=file`; its own small model when empty',
    placeholder: '<file,…>',
    fallback: [],
  }),
  contextLength: kinds.optionalInteger({
    description:
      'tokens of prompt and answer together on the built-in engine; up to 4096, as far as memory allows, when not given',
    placeholder: '<tokens>',
    min: 256,
    max: 16_777_216,
  }),
  threads: kinds.optionalInteger({
    description:
      'processor threads for each answer of the built-in engine; one for small models, else the cores but one, shared by the slots, when not given',
    placeholder: '<n>',
    min: 1,
    max: 1024,
  }),
  idleUnloadMs: kinds.integer({
    description: 'how long a model of the built-in engine stays in memory unused, ms; 0 for ever',
    placeholder: '<ms>',
    fallback: 0,
    min: 0,
    // setTimeout takes no more than 2^31 - 1.
    max: 2_147_483_647,
  }),
  loadAtStart: kinds.toggle({
    description: 'load the built-in engine’s models at start, as far as they fit, not when asked',
    fallback: true,
  }),
  gpu: kinds.oneOf(['cpu', 'auto', 'cuda', 'vulkan', 'metal'], {
    description: 'what the built-in engine computes on; the packaged one has only the processor',
    fallback: 'cpu',
  }),
} as const
