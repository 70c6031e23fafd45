set terminal pngcairo size 640,480 noenhanced font ',10.9' background rgb '#ffffff'
set encoding utf8
$data0 << EOD
0 2.3
1 1.2
2 0.8
EOD
$data1 << EOD
0 2.3
1 0.5
2 0.1
EOD
set xrange [0:2]
set logscale y
set yrange [0.0854896636106:2.69038372928]
set title 'Training loss' noenhanced textcolor rgb '#24292f'
set xlabel 'epoch' noenhanced textcolor rgb '#24292f'
set ylabel 'loss' noenhanced textcolor rgb '#24292f'
set border 3 front lw 1 lc rgb '#6e7781'
set xtics nomirror out scale 0.6 ('0' 0, '0.5' 0.5, '1.0' 1, '1.5' 1.5, '2.0' 2) textcolor rgb '#24292f'
set ytics nomirror out scale 0.6 ('0.1' 0.1, '0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2) textcolor rgb '#24292f'
set grid xtics ytics back lt 1 lw 0.6 lc rgb '#d8dde3'
unset colorbox
set key inside right top vertical Left reverse noenhanced samplen 2 width 1 spacing 1.15 opaque fillcolor rgb '#ffffff' textcolor rgb '#24292f'
plot $data0 using 1:2 with lines lw 1.82 lc rgb '#0072b2' title 'SGD', \
    $data1 using 1:2 with lines lw 1.82 lc rgb '#d55e00' dt 2 title 'Adam'
