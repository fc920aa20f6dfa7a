import type { Recipe } from './made-series.ts'

/** The kinds of spend that the forecast is tried on. */
export const RECIPES = {
  'steady service': { days: 215, noise: 0.06 },
  'growing by 1 % a day': { days: 150, noise: 0.07, growth: 0.01 },
  'doubled half-way': { days: 140, noise: 0.08, shift: 2 },
  'workdays only': { days: 140, noise: 0.15, isWorkdaysOnly: true },
  'bursts, eight weeks': { days: 56, noise: 0.15, weekdays: 1.5, bursts: 0.08, burstSize: 1.5 },
  'wild bursts': { days: 120, noise: 0.4, bursts: 0.08, burstSize: 4 },
  'no weekdays': { days: 120, noise: 0.25, weekdays: 0, bursts: 0.04 },
  'every second day empty': { days: 140, noise: 0.4, empty: 0.5 },
} as const satisfies Record<string, Recipe>
