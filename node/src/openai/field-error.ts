import { HanseError } from '@hanse/protocol'

/** A fault of one field or header of a request, with its name for `error.param`. */
export class FieldError extends HanseError {
  readonly param: string

  constructor(param: string, message: string) {
    super('HANSE_REQUEST_INVALID', `${param}: ${message}`)
    this.param = param
  }
}
