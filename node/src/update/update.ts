/** One way to get a new release. */
export interface UpdateSource {
  /** The newest release on offer; its signature was checked where there is one. @throws {HanseError} */
  newest(): Promise<string>
  /**
   * Installs that release, or leaves everything as it was.
   *
   * @returns what was checked, for the owner
   * @throws {HanseError} HANSE_UPDATE_FAILED, HANSE_UPDATE_SIGNATURE, HANSE_DISK_FULL
   */
  install(version: string): Promise<string>
}
