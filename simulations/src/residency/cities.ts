import type { Place } from '@hanse/protocol'

export interface City extends Place {
  readonly name: string
  readonly country: string
}

/** Name, country, degrees north and east, to about a kilometre. */
const TABLE = `
Frankfurt DE 50.11 8.68; Amsterdam NL 52.37 4.90; Paris FR 48.86 2.35; Madrid ES 40.42 -3.70; Stockholm SE 59.33 18.07;
Warsaw PL 52.23 21.01; Milan IT 45.46 9.19; Bucharest RO 44.43 26.10; Dublin IE 53.35 -6.26; Vienna AT 48.21 16.37;
Helsinki FI 60.17 24.94; Athens GR 37.98 23.73; Lisbon PT 38.72 -9.14; Copenhagen DK 55.68 12.57; Prague CZ 50.08 14.44;
Marseille FR 43.30 5.37; Budapest HU 47.50 19.04; Sofia BG 42.70 23.32; Vilnius LT 54.69 25.28; Munich DE 48.14 11.58;
Brussels BE 50.85 4.35; Zagreb HR 45.81 15.98; Riga LV 56.95 24.11; Tallinn EE 59.44 24.75; Hamburg DE 53.55 9.99;
Barcelona ES 41.39 2.17; Rome IT 41.90 12.50; Nicosia CY 35.17 33.37; Bratislava SK 48.15 17.11; Ljubljana SI 46.06 14.51;
Luxembourg LU 49.61 6.13; Valletta MT 35.90 14.51; Berlin DE 52.52 13.41; Cologne DE 50.94 6.96; Stuttgart DE 48.78 9.18;
Leipzig DE 51.34 12.37; Freiburg DE 47.99 7.85; Lyon FR 45.76 4.84; Toulouse FR 43.60 1.44; Lille FR 50.63 3.06;
Bordeaux FR 44.84 -0.58; Nantes FR 47.22 -1.55; Strasbourg FR 48.57 7.75; Turin IT 45.07 7.69; Naples IT 40.85 14.27;
Bologna IT 44.49 11.34; Palermo IT 38.12 13.36; Valencia ES 39.47 -0.38; Seville ES 37.39 -5.98; Bilbao ES 43.26 -2.93;
Porto PT 41.15 -8.61; Krakow PL 50.06 19.94; Gdansk PL 54.35 18.65; Wroclaw PL 51.11 17.04; Poznan PL 52.41 16.93;
Brno CZ 49.20 16.61; Graz AT 47.07 15.44; Innsbruck AT 47.27 11.39; Gothenburg SE 57.71 11.97; Malmo SE 55.60 13.00;
Lulea SE 65.58 22.15; Tampere FI 61.50 23.76; Oulu FI 65.01 25.47; Aarhus DK 56.16 10.20; Rotterdam NL 51.92 4.48;
Groningen NL 53.22 6.57; Antwerp BE 51.22 4.40; Cork IE 51.90 -8.47; Galway IE 53.27 -9.05; Thessaloniki GR 40.64 22.94;
Heraklion GR 35.34 25.14; Varna BG 43.21 27.91; Cluj RO 46.77 23.60; Iasi RO 47.16 27.59; Timisoara RO 45.75 21.23;
Debrecen HU 47.53 21.63; Split HR 43.51 16.44; Maribor SI 46.55 15.65; Kosice SK 48.72 21.26; Kaunas LT 54.90 23.90;
Tartu EE 58.38 26.72; Daugavpils LV 55.87 26.54;
London GB 51.51 -0.13; Manchester GB 53.48 -2.24; Edinburgh GB 55.95 -3.19; Belfast GB 54.60 -5.93; Zurich CH 47.37 8.54;
Geneva CH 46.20 6.14; Basel CH 47.56 7.59; Oslo NO 59.91 10.75; Bergen NO 60.39 5.32; Tromso NO 69.65 18.96;
Reykjavik IS 64.15 -21.94; Belgrade RS 44.79 20.45; Novi-Sad RS 45.27 19.83; Sarajevo BA 43.86 18.41; Skopje MK 42.00 21.43;
Tirana AL 41.33 19.82; Podgorica ME 42.44 19.26; Chisinau MD 47.01 28.86; Kyiv UA 50.45 30.52; Lviv UA 49.84 24.03;
Odesa UA 46.48 30.73; Minsk BY 53.90 27.57; Moscow RU 55.76 37.62; Saint-Petersburg RU 59.93 30.34; Kaliningrad RU 54.71 20.51;
Istanbul TR 41.01 28.98; Izmir TR 38.42 27.14; Ankara TR 39.93 32.86; Tel-Aviv IL 32.09 34.78; Cairo EG 30.04 31.24;
Tunis TN 36.81 10.18; Algiers DZ 36.75 3.06; Casablanca MA 33.57 -7.59; Tangier MA 35.76 -5.83; Tbilisi GE 41.72 44.79;
New-York US 40.71 -74.01; Ashburn US 39.04 -77.49; Chicago US 41.88 -87.63; Dallas US 32.78 -96.80; San-Jose US 37.34 -121.89;
Seattle US 47.61 -122.33; Montreal CA 45.50 -73.57; Toronto CA 43.65 -79.38; Sao-Paulo BR -23.55 -46.63; Lagos NG 6.52 3.38;
Johannesburg ZA -26.20 28.05; Dubai AE 25.20 55.27; Mumbai IN 19.08 72.88; Singapore SG 1.35 103.82; Hong-Kong HK 22.32 114.17;
Shanghai CN 31.23 121.47; Seoul KR 37.57 126.98; Tokyo JP 35.68 139.69; Sydney AU -33.87 151.21`

export const CITIES: readonly City[] = TABLE.split(';').map((line) => {
  const [name = '', country = '', latitude, longitude] = line.trim().split(' ')
  return { name, country, latitude: Number(latitude), longitude: Number(longitude) }
})

/** Landmarks are added in this order, which spreads them over the EU early: the first 32 of the table. */
export const LANDMARKS_MAX = 32
