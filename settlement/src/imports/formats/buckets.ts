import { type ExactJson, type ExactObject, isObject, listOf } from '../exact-json.ts'

/** One result of a report, with the time that it is for. */
export interface Bucketed {
  readonly bucket: ExactObject
  readonly result: ExactObject
}

/** The results in a page of a provider's report, in a single bucket of one, or in what a page became elsewhere. */
export function bucketedUnits(element: ExactJson): readonly ExactJson[] {
  if (!isObject(element)) return [element]
  const buckets = Array.isArray(element.data) ? listOf(element.data) : [element]
  return buckets.flatMap((bucket): ExactJson[] =>
    isObject(bucket) && Array.isArray(bucket.results)
      ? listOf(bucket.results).map((result) => ({ bucket, result }))
      : [bucket],
  )
}

/** @returns `undefined` where it is something else */
export function bucketed(unit: ExactJson): Bucketed | undefined {
  if (!isObject(unit)) return undefined
  const { bucket, result } = unit
  return isObject(bucket) && isObject(result) ? { bucket, result } : undefined
}
