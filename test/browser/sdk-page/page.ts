// Runs in Chromium: what the test may call is on `globalThis.sdkPage`. Results are plain JSON.
import {
  type ConsumerOptions,
  createConsumer,
  type HanseConsumer,
  HanseError,
  MemoryStore,
} from '@hanse/node/consumer'

interface Asked {
  readonly text: string
  readonly chunks: number
  readonly session: string
  readonly provider: string
  readonly reason: string | undefined
  /** Pico-euro, decimal digits. */
  readonly amount: string
  readonly receipts: number
  readonly lastReceipt: string
}

const store = new MemoryStore()
let hanse: HanseConsumer | undefined

const consumer = (): HanseConsumer => {
  if (hanse === undefined) throw new Error('not open')
  return hanse
}

const sdkPage = {
  /** @returns the page's peer id */
  open: async (options: ConsumerOptions): Promise<string> => {
    hanse = await createConsumer(options.dataDir === undefined ? { ...options, store } : options)
    return hanse.peerId
  },

  /** @returns the code of the error that `open` ends with */
  openFault: async (options: ConsumerOptions): Promise<string> =>
    await faultOf(() => createConsumer(options)),

  /** Who offers a model, found in the DHT. */
  offers: async (model: string): Promise<string[]> =>
    (await consumer().offers(model)).candidates.map(({ known }) => known.offer.provider),

  models: async (): Promise<string[]> => (await consumer().models()).map(({ id }) => id),

  /** Streams an answer; stops after `stopAfter` chunks by aborting. */
  ask: async (model: string, maxTokens: number, stopAfter = Infinity): Promise<Asked> => {
    const gone = new AbortController()
    const stream = await consumer().chat(
      { model, messages: [{ role: 'user', content: 'Say something.' }], max_tokens: maxTokens },
      { signal: gone.signal },
    )
    let text = ''
    let chunks = 0
    try {
      for await (const { choices } of stream) {
        text += choices[0]?.delta.content ?? ''
        if (++chunks >= stopAfter) gone.abort()
      }
    } catch (error) {
      if (!(error instanceof HanseError) || error.code !== 'HANSE_SESSION_CANCELLED') throw error
    }
    const { amount, sessions } = await stream.bill
    return {
      text,
      chunks,
      session: stream.session,
      provider: stream.provider,
      reason: sessions[0]?.reason,
      amount: amount.toString(),
      receipts: stream.receipts.length,
      lastReceipt: hexOf(consumer().store.receipts(stream.session).at(-1)?.bytes),
    }
  },

  /** Checks a session's bundle in the page. @returns what failed, none when it is good */
  verify: (session: string): { verified: boolean; amount: string; failed: readonly string[] } => {
    const { verified, summary, checks } = consumer().verify(consumer().bundle(session))
    const failed = checks.flatMap(({ id, status }) => (status === 'failed' ? [id] : []))
    return { verified, amount: String(summary?.amount), failed }
  },

  /** The same with a byte of the last receipt changed. */
  verifyForged: (session: string): boolean => {
    const bundle = consumer().bundle(session)
    const at = bundle.length - 20
    bundle[at] = (bundle[at] ?? 0) ^ 1
    return consumer().verify(bundle).verified
  },

  /** Keeps everything, reads it into another store, and verifies there. */
  exportAndImport: async (options: ConsumerOptions, session: string): Promise<boolean> => {
    const kept = new MemoryStore()
    kept.import(store.export())
    await using again = await createConsumer({ ...options, store: kept })
    return again.verify(again.bundle(session)).verified
  },

  /** What the page's `fetch` for OpenAI clients answers. */
  fetch: async (path: string, body?: object): Promise<{ status: number; text: string }> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await consumer().fetch(`http://hanse.invalid${path}`, init)
    return { status: response.status, text: await response.text() }
  },

  /** @returns the code of the error that a request ends with */
  fault: async (model: string, regions?: string[]): Promise<string> =>
    await faultOf(() =>
      consumer().chat(
        { model, messages: [{ role: 'user', content: 'hi' }] },
        regions === undefined ? {} : { policy: { regions } },
      ),
    ),

  /** Ids of the sessions that are remembered, newest first. */
  sessions: (): string[] =>
    consumer()
      .sessions()
      .map(({ session }) => session),

  close: async (): Promise<void> => await hanse?.close(),
}

async function faultOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
    return 'none'
  } catch (error) {
    return error instanceof HanseError ? error.code : `not ours: ${String(error)}`
  }
}

function hexOf(bytes: Uint8Array | undefined): string {
  return Array.from(bytes ?? [], (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export type SdkPage = typeof sdkPage
Object.assign(globalThis, { sdkPage })
