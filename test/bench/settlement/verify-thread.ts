import { parentPort, workerData } from 'node:worker_threads'
import { publicKeyOfPeer, signerOf, verifyEd25519 } from '@hanse/protocol'

// Checks signatures of messages as long as a receipt, and does nothing else.

const RECEIPT_BYTES = 300
const MESSAGES = 256

const signer = signerOf(new Uint8Array(32).fill(5))
const key = publicKeyOfPeer(signer.peerId)
const signed = Array.from({ length: MESSAGES }, (_, i) => {
  const message = new Uint8Array(RECEIPT_BYTES).fill(i)
  return { message, signature: signer.sign(message) }
})

parentPort?.on('message', () => {
  const { checks } = workerData as { checks: number }
  for (let i = 0; i < checks; i++) {
    const { message, signature } = signed[i % MESSAGES] as (typeof signed)[number]
    if (!verifyEd25519(key, message, signature)) throw new Error('a good signature is refused')
  }
  parentPort?.postMessage('done')
})
