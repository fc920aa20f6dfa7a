// A page that is a consumer itself: it finds providers over WebSockets, streams, and checks its receipts. Open it as
// `?bootstrap=/dns4/relay.example/tcp/443/wss/p2p/12D3Koo…&network=mainnet`.
import { createConsumer, formatEuro, type HanseConsumer, HanseError } from '@hanse/node/consumer'

const query = new URLSearchParams(location.search)
const form = document.querySelector('form')
const output = document.querySelector('output')
const proof = document.querySelector('#proof')
let stop = new AbortController()
/** Opened at the first question. */
let opening: Promise<HanseConsumer> | undefined

form?.addEventListener('submit', (event) => {
  event.preventDefault()
  const prompt = new FormData(form).get('prompt')
  ask(typeof prompt === 'string' ? prompt : '').catch((error: unknown) => {
    if (!(error instanceof HanseError)) throw error
    show(proof, `${error.code}: ${error.message}`)
  })
})
form?.querySelector('[name=stop]')?.addEventListener('click', () => stop.abort())

async function ask(prompt: string): Promise<void> {
  stop = new AbortController()
  opening ??= open().catch((error: unknown) => {
    opening = undefined
    throw error
  })
  const hanse = await opening
  const [model] = await hanse.models()
  if (model === undefined) throw new HanseError('HANSE_NO_PROVIDER', 'no model is on offer')
  const answer = await hanse.chat(
    { model: model.id, messages: [{ role: 'user', content: prompt }], max_tokens: 200 },
    { signal: stop.signal },
  )
  let text = ''
  for await (const { choices } of answer) {
    text += choices[0]?.delta.content ?? ''
    show(output, text)
  }
  const { amount } = await answer.bill
  const { verified } = hanse.verify(await answer.bundle())
  show(proof, `${formatEuro(amount)} in ${answer.country}, verified: ${verified}`)
}

async function open(): Promise<HanseConsumer> {
  return await createConsumer({
    bootstrap: query.getAll('bootstrap'),
    network: query.get('network') ?? 'mainnet',
    minLevel: Number(query.get('min-level') ?? 3),
    budget: '0.10 EUR',
  })
}

function show(element: Element | null, text: string): void {
  if (element !== null) element.textContent = text
}
