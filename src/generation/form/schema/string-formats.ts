/** The formats of strings that a schema may name, as regular expressions that only right values match. Does not know schemas. */

const MONTH_DAY =
  "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))";
const DATE = `(?:19|20)\\d\\d-${MONTH_DAY}`;
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:0\\d|1[0-3]):[0-5]\\d)";
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?";
const HOST = `${LABEL}(?:\\.${LABEL}){0,4}`;
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const WORD = "[A-Za-z0-9_-]{1,30}";

/** By name; a value matches as a whole. Years from 1900 to 2099, no leap days or seconds. */
export const STRING_FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}T${TIME}`,
  duration:
    "P(?:\\d{1,4}W|\\d{1,4}D|\\d{1,4}Y(?:\\d{1,4}M(?:\\d{1,4}D)?)?|T\\d{1,4}H(?:\\d{1,4}M(?:\\d{1,4}S)?)?|T\\d{1,4}M(?:\\d{1,4}S)?|T\\d{1,4}S)",
  email: `[A-Za-z0-9_+-]{1,30}(?:\\.[A-Za-z0-9_+-]{1,30}){0,3}@${LABEL}(?:\\.${LABEL}){1,4}`,
  hostname: HOST,
  ipv4: `${BYTE}\\.${BYTE}\\.${BYTE}\\.${BYTE}`,
  ipv6: "(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}",
  uuid: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
  uri: `https?://${HOST}(?::[1-9]\\d{0,3})?(?:/${WORD}(?:\\.${WORD})?){0,8}/?(?:\\?${WORD}=${WORD}(?:&${WORD}=${WORD}){0,4})?(?:#${WORD})?`,
};
