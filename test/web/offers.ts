/** What a gateway lists: three offers that may be used, and two that the policy excludes. */
export function market() {
  const tiny = 'hanse/tiny-v1:f16'
  const residency = {
    code: 'residency',
    message: 'US is outside EU',
    change: 'allow US in the residency policy',
  }
  const evidence = {
    code: 'residency',
    message: 'evidence of location is level 1, the policy asks for 3',
    change: 'lower the level, or wait until the provider is verified',
  }
  return {
    network: 'devnet',
    at: Date.now(),
    policy: { allow: ['EU'], minLevel: 3 },
    candidates: [
      { ...row(peer('B'), tiny, 'FR', '300500000'), evidenceLevel: 4, tokensPerSecond: null },
      { ...row(peer('C'), 'hanse/large-v1:q8', 'DE', '1200000000'), freeSlots: 0 },
      row(peer('A'), tiny, 'DE', '250000000'),
    ],
    excluded: [
      { ...row(peer('D'), tiny, 'US', '90000000'), reasons: [residency] },
      { ...row(peer('E'), tiny, 'NL', '210000000'), evidenceLevel: 1, reasons: [evidence] },
    ],
  }
}

export function peer(letter: string): string {
  return `12D3KooW${letter.repeat(44)}`
}

function row(provider: string, model: string, country: string, outputPrice: string) {
  return {
    provider,
    model,
    country,
    evidenceLevel: 3,
    inputPrice: '60000000',
    outputPrice,
    contextLength: 32_768,
    slots: 4,
    freeSlots: 2,
    tokensPerSecond: 48.2 as number | null,
    quantization: 'f16',
    addresses: ['/ip4/127.0.0.1/tcp/4001'],
    notAfter: Date.now() + 600_000,
    seenAt: Date.now() - 3_000,
  }
}
