/** A method of libp2p's that its types do not show, bound to its object. */
export function methodOf<Method extends (...args: never[]) => unknown>(
  of: object,
  name: string,
): Method {
  const method: unknown = Reflect.get(of, name)
  if (typeof method !== 'function') throw new Error(`libp2p has no ${name} any more`)
  return method.bind(of) as Method
}
