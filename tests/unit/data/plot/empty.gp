set terminal pngcairo size 640,480 noenhanced font ',10.9' background rgb '#ffffff'
set encoding utf8
set xrange [0:1]
set yrange [0:1]
set border 3 front lw 1 lc rgb '#6e7781'
set xtics nomirror out scale 0.6 ('0' 0, '0.2' 0.2, '0.4' 0.4, '0.6' 0.6, '0.8' 0.8, '1.0' 1) textcolor rgb '#24292f'
set ytics nomirror out scale 0.6 ('0' 0, '0.2' 0.2, '0.4' 0.4, '0.6' 0.6, '0.8' 0.8, '1.0' 1) textcolor rgb '#24292f'
set grid xtics ytics back lt 1 lw 0.6 lc rgb '#d8dde3'
unset colorbox
unset key
plot NaN notitle
