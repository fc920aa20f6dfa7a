import schemas from '../vectors/schemas.json' with { type: 'json' }
import { isEqual, Refused } from './bytes.ts'
import { read, type Value } from './cbor.ts'
import { Link } from './cid.ts'
import { leafHash, rootOf } from './merkle.ts'
import { namedSigners, type Opened, openRecord, type Signed } from './records.ts'
import { fits, type Schema } from './schema.ts'

export interface Line {
  readonly order: string
  readonly receipt: string
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: bigint
  readonly acceptedAt: bigint
}

export interface OpenStatement extends Opened {
  readonly lines: readonly Line[]
}

const { schema, bytesMax } = schemas.statementLine as unknown as {
  readonly schema: Schema
  readonly bytesMax: number
}

/** @throws {Refused} HANSE_STATEMENT_LINE */
export function readLine(bytes: Uint8Array): Line {
  const value = bytes.length > bytesMax ? null : tryRead(bytes)
  if (!Array.isArray(value) || !fits(schema, value)) throw new Refused('HANSE_STATEMENT_LINE')
  const [order, receipt, , , input, cached, output, amount, acceptedAt] = value as readonly Value[]
  if (number(cached) > number(input) || !(order instanceof Link && receipt instanceof Link))
    throw new Refused('HANSE_STATEMENT_LINE')
  return {
    order: order.toString(),
    receipt: receipt.toString(),
    inputTokens: number(input),
    outputTokens: number(output),
    amount: number(amount),
    acceptedAt: number(acceptedAt),
  }
}

function tryRead(bytes: Uint8Array): Value {
  try {
    return read(bytes)
  } catch {
    return null
  }
}

const number = (value: Value | undefined): bigint => (typeof value === 'bigint' ? value : -1n)

const TYPE = 'hanse.statement.v1'

/** Two signatures, the root, and sums. @throws {Refused} HANSE_RECORD_*, HANSE_SIGNATURE_*, HANSE_STATEMENT_* */
export function openStatement(
  network: string,
  signed: Signed,
  lines: readonly Uint8Array[],
): OpenStatement {
  const opened = openRecord(network, TYPE, signed, namedSigners(TYPE))
  const { fields } = opened
  const isWhole = BigInt(lines.length) === fields.int('sessions')
  if (!isWhole) throw new Refused('HANSE_STATEMENT_ROOT')
  if (lines.some((line) => line.length > bytesMax)) throw new Refused('HANSE_STATEMENT_LINE')
  if (!isEqual(rootOf(lines.map(leafHash)), fields.bytes('root')))
    throw new Refused('HANSE_STATEMENT_ROOT')
  const read = lines.map(readLine)
  if (new Set(read.map(({ order }) => order)).size < read.length)
    throw new Refused('HANSE_STATEMENT_LINE')
  const times = read.map(({ acceptedAt }) => acceptedAt).toSorted((a, b) => Number(a - b))
  const isTimely = times[0] === fields.int('from') && times.at(-1) === fields.int('to')
  const isFirst = fields.int('sequence') === 0n
  const isSum = TOTALS.every((key) => {
    const own = sum(read, key)
    return isFirst ? own === fields.int(key) : own <= fields.int(key)
  })
  if (!isTimely || !isSum) throw new Refused('HANSE_STATEMENT_TOTALS')
  return { ...opened, lines: read }
}

const TOTALS = ['inputTokens', 'outputTokens', 'amount'] as const

const sum = (lines: readonly Line[], key: (typeof TOTALS)[number]): bigint =>
  lines.reduce((total, line) => total + line[key], 0n)

/** What all Statements of a lane have in common, and how they count. @throws {Refused} HANSE_STATEMENT_* */
export function checkFollows(after: OpenStatement, before: OpenStatement | undefined): void {
  if (!isNext(after, before)) throw new Refused('HANSE_STATEMENT_SEQUENCE')
  const isTotal = TOTALS.every(
    (key) => after.fields.int(key) === (before?.fields.int(key) ?? 0n) + sum(after.lines, key),
  )
  if (!isTotal) throw new Refused('HANSE_STATEMENT_TOTALS')
}

function isNext(after: OpenStatement, before: OpenStatement | undefined): boolean {
  const { fields } = after
  if (before === undefined) return fields.get('previous') === null
  return (
    before.name.equals(fields.get('previous')) &&
    fields.int('sequence') === before.fields.int('sequence') + 1n &&
    (['consumer', 'provider', 'lane'] as const).every(
      (key) => fields.get(key) === before.fields.get(key),
    ) &&
    fields.link('authorization').equals(before.fields.get('authorization')) &&
    residencyOf(after) === residencyOf(before)
  )
}

function residencyOf({ fields }: OpenStatement): string {
  const residency = fields.map('residency')
  const evidence = residency.has('evidence') ? residency.texts('evidence').join() : ''
  return `${residency.texts('allow').join()} ${residency.int('minLevel')} ${evidence}`
}
