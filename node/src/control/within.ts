import { HanseError } from '@hanse/protocol'

/** @throws {HanseError} HANSE_CONTROL_UNREACHABLE when it takes longer */
export async function within<Value>(
  ms: number,
  message: string,
  value: Promise<Value>,
): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new HanseError('HANSE_CONTROL_UNREACHABLE', `${message} within ${ms} ms`)),
    ms,
  )
  try {
    return await Promise.race([value, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
