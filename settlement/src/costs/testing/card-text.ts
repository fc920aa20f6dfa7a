/** A card as a file, for tests. @param models by name, what each says of its prices */
export const cardText = (card: string, models: object, changes: object = {}): string =>
  JSON.stringify({
    format: 'hanse-rate-card/1',
    card,
    publisher: 'Elsewhere',
    currency: 'USD',
    effectiveFrom: '2026-10-01',
    source: 'a test',
    retrieved: '2026-10-01',
    verified: true,
    models,
    ...changes,
  })

export const flatModel = (input: string, output: string) => ({ prices: { input, output } })
