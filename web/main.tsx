import "./theme/tokens.css";
