import { moneyGroups } from './money-pages.ts'
import type { Power } from './powers.ts'
import { trustGroups } from './trust-pages.ts'

export type ConsolePageLink = {
  readonly href: string
  readonly name: () => string
  /** Without it every operator may look. */
  readonly needs?: Power
}
export type ConsoleGroup = {
  readonly name: () => string
  readonly pages: readonly ConsolePageLink[]
}

/** What the navigation of the console has. */
export const groups: readonly ConsoleGroup[] = [...moneyGroups, ...trustGroups]
