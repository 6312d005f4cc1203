/** Numbers and times as people read them. Pure; `lang` is a BCP 47 tag. */

/** Binary units: `4.2 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `m:ss`, or `h:mm:ss` from an hour on. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** What the units of a span are called. */
export interface SpanUnits {
  day: string;
  hour: string;
  minute: string;
  second: string;
}

/** How long something lasts, whatever its sign, in its largest unit and the one below: `59 min 48 s`, `90 d`. */
export function formatSpan(seconds: number, units: SpanUnits): string {
  const sizes: [number, string][] = [[86_400, units.day], [3600, units.hour], [60, units.minute], [1, units.second]];
  const whole = Math.abs(Math.trunc(seconds));
  const largest = sizes.findIndex(([size]) => whole >= size);
  if (largest < 0) return `0 ${units.second}`;
  let rest = whole;
  const parts = sizes.slice(largest, largest + 2).map(([size, unit]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count > 0 ? `${count} ${unit}` : "";
  });
  return parts.filter(Boolean).join(" ");
}

/** A place in a video, to the tenth of a second: `0:07.5`. */
export function formatPosition(ms: number): string {
  const tenths = Math.round(ms / 100);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}

/** Time since the first entry of a timeline: `+0.042 s`, `+3 min 05 s`, `+2 h 10 min`. */
export function formatOffset(ms: number): string {
  if (ms < 60_000) return `+${(ms / 1000).toFixed(3)} s`;
  const seconds = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 3600) return `+${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `+${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
}

/** Bits per second: `1.4 Mbit/s`. */
export function formatBitrate(bitsPerSecond: number): string {
  if (bitsPerSecond < 1_000_000) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  return `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`;
}

/** A score of 0 to 1, in three digits: `0.982`. */
export function formatScore(score: number): string {
  return score.toFixed(3);
}

export function formatWhen(rfc3339: string, lang: string): string {
  const time = new Date(rfc3339);
  return Number.isNaN(time.getTime()) ? rfc3339 : new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }).format(time);
}

/** Unix seconds, to the second and with the reader's time zone; the number itself where no calendar reaches. */
export function formatMoment(unixSeconds: number, lang: string): string {
  const time = new Date(unixSeconds * 1000);
  if (Number.isNaN(time.getTime())) return String(unixSeconds);
  return new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "long" }).format(time);
}

/** Any value of a timeline entry's detail, on one line. */
export function formatDetail(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
