/** A place on the page for each place on Earth: equal degrees, with meridians as close as they are in the middle. */
export type Projection = {
  readonly x: (longitude: number) => number
  readonly y: (latitude: number) => number
  readonly width: number
  readonly height: number
}
export type Box = {
  readonly west: number
  readonly south: number
  readonly east: number
  readonly north: number
}
export type Circle = {
  readonly latitude: number
  readonly longitude: number
  readonly radiusKm: number
}

const kmPerDegree = 111.2
/** Of the box that is shown around what matters, in shares of it. */
const marginShare = 0.18
/** Smaller is a map of a city, of which this one knows nothing. */
const leastDegrees = 9

/** What of the world is to be seen, `aspect` times as wide as high on the page. */
export function viewOf(boxes: readonly Box[], aspect: number): Box {
  const west = Math.min(...boxes.map((box) => box.west))
  const east = Math.max(...boxes.map((box) => box.east))
  const south = Math.min(...boxes.map((box) => box.south))
  const north = Math.max(...boxes.map((box) => box.north))
  const middle = { longitude: (west + east) / 2, latitude: (south + north) / 2 }
  const narrow = Math.cos((middle.latitude * Math.PI) / 180)
  const high = Math.max((north - south) * (1 + 2 * marginShare), leastDegrees)
  const wide = Math.max((east - west) * (1 + 2 * marginShare) * narrow, leastDegrees)
  const height = Math.min(180, Math.max(high, wide / aspect))
  const width = Math.min(360, (height * aspect) / narrow)
  return {
    west: middle.longitude - width / 2,
    east: middle.longitude + width / 2,
    south: middle.latitude - height / 2,
    north: middle.latitude + height / 2,
  }
}

export function projection(
  { west, east, south, north }: Box,
  width: number,
  height: number,
): Projection {
  return {
    x: (longitude) => ((longitude - west) / (east - west)) * width,
    y: (latitude) => ((north - latitude) / (north - south)) * height,
    width,
    height,
  }
}

/** The box around a circle, as far as it is on the map. */
export function boxOf({ latitude, longitude, radiusKm }: Circle): Box {
  const up = Math.min(radiusKm / kmPerDegree, 85)
  const across = Math.min(up / Math.max(0.2, Math.cos((latitude * Math.PI) / 180)), 170)
  return {
    west: longitude - across,
    east: longitude + across,
    south: latitude - up,
    north: latitude + up,
  }
}

const pointsOfCircle = 120

/** The points of a circle on the sphere, from its north around. */
export function circlePoints({
  latitude,
  longitude,
  radiusKm,
}: Circle): [longitude: number, latitude: number][] {
  const angle = radiusKm / 6371.0088
  const [phi, lambda] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180]
  return Array.from({ length: pointsOfCircle }, (_, at) => {
    const bearing = (at / pointsOfCircle) * 2 * Math.PI
    const lat = Math.asin(
      Math.sin(phi) * Math.cos(angle) + Math.cos(phi) * Math.sin(angle) * Math.cos(bearing),
    )
    const lon =
      lambda +
      Math.atan2(
        Math.sin(bearing) * Math.sin(angle) * Math.cos(phi),
        Math.cos(angle) - Math.sin(phi) * Math.sin(lat),
      )
    return [(lon * 180) / Math.PI, (lat * 180) / Math.PI]
  })
}
