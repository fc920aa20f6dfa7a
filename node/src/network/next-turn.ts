/** Resolves when the event loop has gone round: what lay in sockets is read. */
export async function nextTurn(): Promise<void> {
  await new Promise<void>((resolve) => {
    // Browsers have no setImmediate.
    setTimeout(() => (typeof setImmediate === 'function' ? setImmediate(resolve) : resolve()))
  })
}
