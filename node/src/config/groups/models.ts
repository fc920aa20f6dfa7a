import * as kinds from '../kinds.ts'

/** Where models are kept. */
export const modelsGroup = {
  modelsDir: kinds.folder({
    description: 'where pulled models are kept',
    fallback: '.hanse/models',
  }),
} as const

/** Where models are pulled from. */
export const pullGroup = {
  hfUrl: kinds.url({
    description: 'Hugging Face, or a mirror that speaks its API',
    fallback: 'https://huggingface.co',
  }),
  hfToken: kinds.optionalText({
    description: 'access token of Hugging Face, for gated models; sent to --hf-url only',
    secret: true,
  }),
  modelMaxGib: kinds.integer({
    description: 'largest model to pull, GiB',
    placeholder: '<GiB>',
    // The largest open models are some 1.5 TiB in full precision.
    fallback: 2048,
    min: 1,
    max: 65_536,
  }),
} as const
