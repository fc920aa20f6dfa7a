import * as kinds from '../kinds.ts'

/** Answers that are asked for again elsewhere. */
export const spotCheckGroup = {
  spotCheckPercent: kinds.integer({
    description:
      'of the requests with temperature 0 or an answer that can be had again: how many are asked a second provider with the same weights, and paid again; 0 for none',
    placeholder: '<percent>',
    fallback: 0,
    min: 0,
    max: 100,
  }),
  spotCheckDivergence: kinds.integer({
    description:
      'from this divergence of two answers on, one of them is not of these weights; answers that were promised to be the same may not differ at all',
    placeholder: '<percent>',
    fallback: 60,
    min: 1,
    max: 100,
  }),
} as const
