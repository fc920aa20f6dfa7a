/** A benchmark as it is run for the page of figures. */
export interface Bench {
  readonly name: string
  /** Below the repository. */
  readonly script: string
  readonly args: readonly string[]
  /** On two quiet cores, minutes. */
  readonly minutes: number
}

export const BENCHES: readonly Bench[] = [
  { name: 'gateway', script: 'test/bench/gateway.ts', args: [], minutes: 9 },
  { name: 'protocol', script: 'test/bench/protocol.ts', args: [], minutes: 2 },
  { name: 'first-token', script: 'test/bench/first-token.ts', args: [], minutes: 3 },
  { name: 'start', script: 'test/bench/start.ts', args: [], minutes: 3 },
  {
    name: 'settlement',
    script: 'test/bench/settlement.ts',
    args: ['--only', 'postgres,raw,statements,receipts'],
    minutes: 8,
  },
  { name: 'browser', script: 'test/bench/browser.ts', args: [], minutes: 3 },
  { name: 'web', script: 'test/bench/web.ts', args: [], minutes: 4 },
  { name: 'eu', script: 'test/bench/eu-mode.ts', args: [], minutes: 6 },
]

/** What somebody types to run one of them. */
export function commandOf({ name, args }: Bench): string {
  return `npm run bench:${name}${args.length === 0 ? '' : ` -- ${args.join(' ')}`}`
}
