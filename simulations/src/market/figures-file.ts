import type { MarketResults } from './run-all.ts'

/** A line for each market and each row, so that a change shows as one. */
export function serialize(results: MarketResults): string {
  const { plan, scenarios, ...rows } = results
  const lines = (items: readonly unknown[]) =>
    items.map((item) => `    ${JSON.stringify(item)}`).join(',\n')
  const told = scenarios.map(
    ({ runs, ...scenario }) =>
      `  {"scenario":${JSON.stringify(scenario)},"runs":[\n${lines(runs)}\n  ]}`,
  )
  const tables = Object.entries(rows).map(([name, items]) => `"${name}":[\n${lines(items)}\n]`)
  return `{"plan":${JSON.stringify(plan)},\n"scenarios":[\n${told.join(',\n')}\n],\n${tables.join(',\n')}}\n`
}

/** What `serialize` has written. */
export function deserialize(text: string): MarketResults {
  const { scenarios, ...rest } = JSON.parse(text) as Omit<MarketResults, 'scenarios'> & {
    readonly scenarios: readonly { scenario: object; runs: readonly unknown[] }[]
  }
  const flat = scenarios.map(({ scenario, runs }) => ({ ...scenario, runs }))
  return { ...rest, scenarios: flat as unknown as MarketResults['scenarios'] }
}
