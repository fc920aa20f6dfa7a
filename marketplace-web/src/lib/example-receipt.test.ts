import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { receipt } from '@hanse/protocol'
import { expect, test } from 'vitest'
import { exampleReceipt } from './example-receipt.ts'
import { carSections } from './verify/car-sections.ts'
import { readChain } from './verify/read-chain.ts'

const file = new Uint8Array(
  readFileSync(join(import.meta.dirname, '..', '..', 'static', 'example-session.car')),
)

test('the receipt of the landing page is the last one of the example, signed by both sides', () => {
  const { previous, transcript, ...shown } = exampleReceipt
  expect(readChain(file).at(-1)).toMatchObject({ ...shown, signedBy: ['provider', 'consumer'] })
  const last = receiptsIn(file).at(-1)
  expect(String(last?.previous)).toBe(previous)
  expect(Buffer.from(last?.transcript ?? []).toString('hex')).toBe(transcript)
})

function receiptsIn(bytes: Uint8Array) {
  return carSections(bytes).flatMap((section) => {
    try {
      return [receipt.decode(section.bytes)]
    } catch {
      return []
    }
  })
}
