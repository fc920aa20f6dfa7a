import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** What goes wrong with the answers that begin from now on. */
export const DOUBLE_FAULTS = [
  'none',
  /** 500 at once. */
  'fail',
  /** 503 at once, as while a model loads or a queue is full. */
  'busy',
  /** Takes the request and says nothing. */
  'hang',
  /** Says nothing more after some tokens. */
  'hang-mid',
  /** Closes the connection in the middle of a token. */
  'die-mid',
  /** Reports an error after some tokens, in the program's own shape. */
  'error-mid',
  /** Bytes that are none of the protocol's, after some tokens. */
  'garbage',
  /** One event of 4 MiB. */
  'oversize',
  /** Leaves the usage out. */
  'no-usage',
  /** Reports a million times what it generated. */
  'absurd-usage',
] as const
export type DoubleFault = (typeof DOUBLE_FAULTS)[number]

export interface DoubleOptions {
  /** 0 takes a free one. */
  readonly port?: number
  /** Of an answer that no limit ends before. */
  readonly tokens?: number
  /** Of each answer; as fast as the socket takes them when left out. */
  readonly tokensPerSecond?: number
  /** Silence before the first token. */
  readonly firstTokenMs?: number
}

/** What may change while it runs: by these fields, or by `POST /_double` with some of them as JSON. */
export interface DoubleControl {
  fault: DoubleFault
  /** Tokens before a fault in the middle. */
  faultAfter: number
  tokens: number
  tokensPerSecond: number | undefined
  firstTokenMs: number
}

export interface DoubleCounts {
  requests: number
  /** Answers whose client went away before their end. */
  aborted: number
  running: number
  /** Requests that are neither GET nor an answer: what a detector must never send. */
  others: number
}

export interface EngineDouble extends AsyncDisposable {
  /** Without `/v1`. */
  readonly url: string
  readonly control: DoubleControl
  readonly counts: Readonly<DoubleCounts>
  /** Bodies of the last requests for an answer, newest last. */
  readonly bodies: readonly Record<string, unknown>[]
  close(): Promise<void>
}

/** What a program answers with; the double does the rest. */
export interface DoubleProgram {
  readonly headers: Readonly<Record<string, string>>
  /** Any route but the double's own. */
  answer(route: string, call: DoubleCall): Promise<void>
}

export interface DoubleCall {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Record<string, unknown>
  readonly control: Readonly<DoubleControl>
  readonly counts: DoubleCounts
  readonly json: (status: number, body: unknown) => void
  /** Runs an answer that is counted, with the faults that come before its first byte. */
  answering(
    busy: { readonly status: number; readonly body: unknown },
    run: () => Promise<void>,
  ): Promise<void>
  /**
   * Emits `tokens` tokens at their pace, and the faults in the middle.
   *
   * @returns whether the answer is to be ended properly
   */
  paced(tokens: number, writer: DoubleWriter): Promise<boolean>
}

export interface DoubleWriter {
  /** The events of tokens `from` to `to`. */
  events(from: number, to: number): string
  /** An error in the middle of an answer. */
  error(message: string): string
}

const BODIES_MAX = 64
const TOKENS_PER_WRITE = 64

/** Serves a program on 127.0.0.1, with faults that can be switched while it runs. */
export async function startDouble(
  program: DoubleProgram,
  options: DoubleOptions,
): Promise<EngineDouble> {
  const control: DoubleControl = {
    fault: 'none',
    faultAfter: 3,
    tokens: options.tokens ?? 64,
    tokensPerSecond: options.tokensPerSecond,
    firstTokenMs: options.firstTokenMs ?? 0,
  }
  const counts: DoubleCounts = { requests: 0, aborted: 0, running: 0, others: 0 }
  const bodies: Record<string, unknown>[] = []
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${(request.url ?? '').split('?')[0]}`
    const body = await readBody(request)
    for (const [name, value] of Object.entries(program.headers)) response.setHeader(name, value)
    const json = (status: number, content: unknown): void => sendJson(response, status, content)
    if (route === 'POST /_double') Object.assign(control, body)
    if (route.endsWith(' /_double')) {
      json(200, { ...control, ...counts })
      return
    }
    const paced = async (tokens: number, writer: DoubleWriter): Promise<boolean> =>
      await pace(response, control, tokens, writer)
    const answering: DoubleCall['answering'] = async (busy, run) => {
      counts.requests++
      counts.running++
      bodies.push(body)
      bodies.splice(0, bodies.length - BODIES_MAX)
      let finished = false
      response.once('close', () => {
        counts.running--
        if (!finished && !response.writableFinished) counts.aborted++
      })
      const { fault } = control
      if (fault === 'fail')
        json(500, { error: { message: 'CUDA error: out of memory', code: 500 } })
      else if (fault === 'busy') json(busy.status, busy.body)
      else if (fault === 'hang') await once(response, 'close')
      else await run()
      finished = true
    }
    if (request.method !== 'GET') counts.others++
    await program.answer(route, {
      request,
      response,
      body,
      control,
      counts,
      json,
      answering,
      paced,
    })
  }

  server.keepAliveTimeout = 60_000
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    url: `http://127.0.0.1:${port}`,
    control,
    counts,
    bodies,
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function pace(
  response: ServerResponse,
  control: Readonly<DoubleControl>,
  tokens: number,
  writer: DoubleWriter,
): Promise<boolean> {
  const { fault, faultAfter, tokensPerSecond, firstTokenMs } = control
  const breaks = fault !== 'none' && fault !== 'no-usage' && fault !== 'absurd-usage'
  const last = breaks ? Math.min(tokens, faultAfter) : tokens
  if (firstTokenMs > 0) await sleep(firstTokenMs)
  const started = performance.now()
  for (let sent = 0; sent < last && !response.destroyed; ) {
    if (tokensPerSecond !== undefined) {
      const wait = started + (sent * 1000) / tokensPerSecond - performance.now()
      if (wait > 0) await sleep(wait)
    }
    const due =
      tokensPerSecond === undefined
        ? sent + TOKENS_PER_WRITE
        : 1 + Math.floor(((performance.now() - started) * tokensPerSecond) / 1000)
    const to = Math.min(Math.max(due, sent + 1), last)
    const more = response.write(writer.events(sent, to))
    sent = to
    if (!more) await drained(response)
    else if (tokensPerSecond === undefined) await nextTurn()
  }
  if (response.destroyed) return false
  switch (fault) {
    case 'hang-mid':
      await once(response, 'close')
      return false
    case 'die-mid':
      // Half of the next token, and then nothing.
      response.write(writer.events(last, last + 1).slice(0, 20), () => response.destroy())
      await once(response, 'close')
      return false
    case 'error-mid':
      response.end(writer.error('the double was told to fail'))
      return false
    case 'garbage':
      response.end('data: \u0000\u0001 not json\n\n<html>\n\n')
      return false
    case 'oversize':
      response.end(`data: ${'x'.repeat(4 << 20)}\n\n`)
      return false
    case 'none':
    case 'fail':
    case 'busy':
    case 'hang':
    case 'no-usage':
    case 'absurd-usage':
      return true
  }
}

/** Resolves when the client has read on, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString())
    return typeof body === 'object' && body !== null ? { ...body } : {}
  } catch {
    return {}
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.byteLength,
  })
  response.end(bytes)
}

export function wordsIn(text: unknown): number {
  return typeof text === 'string' ? text.split(/\s+/u).filter((word) => word !== '').length : 0
}

/** Tokens of messages: their words, and four around each. */
export function tokensOfMessages(messages: unknown): number {
  if (!Array.isArray(messages)) return 0
  let tokens = 0
  for (const message of messages as { content?: unknown }[]) {
    const parts = Array.isArray(message.content) ? message.content : [message.content]
    for (const part of parts as unknown[]) tokens += wordsIn(isPart(part) ? part.text : part)
    tokens += 4
  }
  return tokens
}

function isPart(part: unknown): part is { readonly text?: unknown } {
  return typeof part === 'object' && part !== null
}

/** Prints where a double listens as a line of JSON, and runs it until it is stopped. */
export async function runDouble(double: EngineDouble): Promise<void> {
  console.log(JSON.stringify({ url: double.url, pid: process.pid }))
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  await double.close()
}

/** The options of a double, as they are given on its command line. */
export function numberOption(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value)
}
