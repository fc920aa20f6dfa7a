import { PACE_COLUMNS } from './columns.ts'
import type { Standing } from './standing.ts'

/** An hour of one organization with one model of one provider. */
export interface Cell {
  readonly organization: string
  readonly provider: string
  readonly model: string
  /** Its beginning, milliseconds since 1970. */
  readonly hour: number
}

/** What is to be added to the counts of an hour; below zero for what was counted otherwise. */
export interface CellCounts extends Cell, Record<Standing, number> {
  readonly paces: number[]
}

/** Counts by hour, each hour once. */
export class Cells {
  readonly #cells = new Map<string, CellCounts>()

  /** The counts of an hour, to be changed. */
  of({ organization, provider, model, hour }: Cell): CellCounts {
    const name = JSON.stringify([organization, provider, model, hour])
    const known = this.#cells.get(name)
    if (known !== undefined) return known
    const paces = PACE_COLUMNS.map(() => 0)
    const counts = { good: 0, failed: 0, ended: 0, cut: 0, paces }
    const made = { organization, provider, model, hour, ...counts }
    this.#cells.set(name, made)
    return made
  }

  /** Counts an answer's pace, by its place among the paces, if it has one. */
  addPace(cell: Cell, place: number | undefined): void {
    if (place === undefined) return
    const { paces } = this.of(cell)
    paces[place] = (paces[place] ?? 0) + 1
  }

  get all(): readonly CellCounts[] {
    return [...this.#cells.values()]
  }
}
