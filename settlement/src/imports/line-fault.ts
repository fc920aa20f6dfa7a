import type { SettlementCode } from '../errors.ts'

/** Why one line was not taken. What it says never contains what was in the line: that may be a prompt. */
export class LineFault extends Error {
  override readonly name = 'LineFault'
  readonly code: LineCode

  constructor(code: LineCode, message: string) {
    super(message)
    this.code = code
  }
}

export type LineCode = Extract<SettlementCode, `HANSE_IMPORT_${string}`>

export const wrongField = (field: string, what: string): LineFault =>
  new LineFault('HANSE_IMPORT_FIELD', `${field}: ${what}`)
