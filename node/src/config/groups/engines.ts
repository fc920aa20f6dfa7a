import * as kinds from '../kinds.ts'

/** Engines over HTTP, and how they are found. */
export const enginesGroup = {
  engineUrls: kinds.urls({
    description:
      'base URLs of engines to use beside those found on the usual ports; the API key goes to these alone',
    fallback: [],
  }),
  engineIdleMs: kinds.integer({
    description: 'longest silence of an engine in the middle of an answer, ms',
    placeholder: '<ms>',
    fallback: 180_000,
    min: 1_000,
    max: 3_600_000,
  }),
  ollamaKeepAlive: kinds.optionalText({
    description:
      'how long Ollama keeps a model loaded: 10m, seconds, -1 for ever; as Ollama is set when not given',
    placeholder: '<time>',
  }),
  ollamaContext: kinds.optionalInteger({
    description: 'tokens of context to run Ollama’s models with; as Ollama is set when not given',
    placeholder: '<tokens>',
    min: 256,
    max: 16_777_216,
  }),
} as const
