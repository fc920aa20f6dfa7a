/** RFC 5321: 64 before the @, 255 after it, 254 in all that fits between < and >. */
const ADDRESS_CHARS_MAX = 254
const ADDRESS =
  /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/iu

/** A bare address without quotes, comments or routes: what is odd about one is a way into headers. */
export const isMailAddress = (text: string): boolean =>
  text.length <= ADDRESS_CHARS_MAX && text.indexOf('@') <= 64 && ADDRESS.test(text)
