/** What the recordings say, as clients have to read it. */
export const GREETING = 'Grüße aus Köln: 你好, 🌍 and "quotes"\n\n\\n.'
export const GREETING_TOKENS = { input: 19, output: 15 } as const
export const HALF = 'Half of an'
export const THOUGHT = 'Let me think.'
export const STRUCTURED = { answer: 42, unit: 'km' } as const
export const EMBEDDINGS = [
  [0.0023064255, -0.009327292, 0.015797347],
  [0.5, -0.25, 0.125],
] as const

export const WEATHER = [
  { id: 'call_a1', name: 'get_weather', arguments: { city: 'Paris' } },
  { id: 'call_b2', name: 'get_weather', arguments: { city: 'Berlin' } },
] as const

/** As many as the acceptance of a gateway asks for. */
export const STREAMS = 100
