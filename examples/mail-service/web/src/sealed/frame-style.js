// The one style sheet of the frame that shows HTML mail. The server's policy allows it by its hash.

export const FRAME_STYLE =
  "html{font:16px/1.55 system-ui,sans-serif;color:#1d2327;background:#fff;overflow-wrap:anywhere}" +
  "body{margin:16px}img{max-width:100%;height:auto}table{max-width:100%}" +
  "pre{white-space:pre-wrap}blockquote{margin:0 0 0 2px;padding-left:14px;border-left:3px solid #dcdad4}a{color:#0a6168}";
